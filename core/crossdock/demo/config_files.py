"""Writes the retailer's configuration as an integrator would: a file by subject, secrets beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from crossdock.demo.network import DCS, STORES, SUPPLIER, THREE_PL, configuration
from crossdock.demo.on_kafka import OnKafka
from crossdock.demo.partners import carrier, erp, marketplace, shop
from crossdock.demo.partners.all import Addresses
from crossdock.demo.partners.hosting import LOOPBACK
from crossdock.demo.partners.shop_documents import LOCATION, location_gid
from crossdock.demo.partners.warehouse import FROM, TAKEN, TO
from crossdock.demo.partners.warehouse_files import FIXED_STOCK, HUB_ID
from crossdock.demo.world import World

__all__ = ["write_configuration"]

_INTERVALS = {"response_csv": 0.5}
_INTERVAL_SECONDS = 1.0
"""How often the hub looks for files. At real partners the connectors' defaults are better: 30 or 60 seconds."""

Node = dict[str, Any]


def write_configuration(
    folder: Path,
    world: World,
    addresses: Addresses,
    port: int,
    on_kafka: OnKafka | None = None,
    *,
    host: str = LOOPBACK,
) -> Path:
    """Write ``crossdock.yaml`` and what it includes; each process of the hub listens on ``host`` and ``port``.
    Returns its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    secrets = _Secrets(folder / "secrets")
    network = configuration(world.places)
    parts = {
        "nodes.yaml": ("Places that hold stock.", ("nodes",)),
        "carriers.yaml": ("Carriers' services and tariffs.", ("services", "rate_cards")),
        "policies.yaml": ("How orders are routed, and what is never promised.", ("policies", "safety_stock")),
    }
    for name, (title, keys) in parts.items():
        _write(folder / name, title, {key: network[key] for key in keys})
    main = _main(list(parts), world, addresses, secrets)
    main["web"] = {"host": host, "port": port}
    if on_kafka is not None:
        main["hub"] |= {"runtime": "kafka", "database": secrets("database", on_kafka.database)}
        main["kafka"] = on_kafka.configuration()
        main["worker"] = main["web"]
    path = folder / "crossdock.yaml"
    _write(
        path,
        "Meridian Outfitters, a retailer that does not exist. Run it with: crossdock run --config crossdock.yaml",
        main,
    )
    return path


def _main(include: list[str], world: World, addresses: Addresses, secrets: _Secrets) -> Node:
    return {
        "include": include,
        "hub": {"name": "meridian-outfitters", "data_dir": "var", "currency": "USD"},
        "connections": {
            "shop": _shop(addresses, secrets),
            "marketplace": _marketplace(addresses, secrets),
            "erp": _erp(addresses, secrets),
            "carrier": _carrier(addresses, secrets),
            DCS.name: _centres(addresses, secrets),
            STORES.name: _stores(addresses, secrets),
            THREE_PL.name: _three_pl(addresses, secrets),
            SUPPLIER.name: _supplier(addresses, secrets),
        },
        "channels": _channels(world),
        "labels": {"connection": "carrier"},
        "postings": [
            {"connection": "erp", "channels": ["web", "marketplace"], "sales_order": True, "invoice": True},
            # the ERP knows its own orders already
            {"connection": "erp", "channels": ["b2b"], "invoice": True},
        ],
    }


class _Secrets:
    """Secrets lie in files of their own, which only their owner may read."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder.absolute()

    def __call__(self, name: str, value: str) -> str:
        """Write a secret; returns the reference to it."""
        path = self._folder / name
        path.write_text(value, encoding="utf-8")
        path.chmod(0o600)
        return f"${{file:{path}}}"


def _write(path: Path, title: str, content: Node) -> None:
    text = yaml.safe_dump(content, sort_keys=False, width=110, allow_unicode=True)
    path.write_text(f"# {title}\n{text}", encoding="utf-8")


def _channels(world: World) -> Node:
    stores = [place.id for place in world.places if place.kind == "store"]
    return {
        "web": {
            "connection": "shop",
            "kind": "web",
            "priority": 10,
            "ship_within": "10d",
            "location": LOCATION,
            "locations": {store: store for store in stores}
            | {location_gid(store): store for store in stores},
        },
        "marketplace": {
            "connection": "marketplace",
            "kind": "marketplace",
            "priority": 20,
            "ship_within": "10d",
            # it takes stock one listing at a time, and 2,000 listings would take longer than the whole demo
            "publish_stock": False,
        },
        "b2b": {"connection": "erp", "kind": "b2b", "ship_within": "14d", "publish_stock": False},
    }


def _shop(addresses: Addresses, secrets: _Secrets) -> Node:
    return {
        "connector": "shopify",
        "config": {
            "shop": shop.SHOP,
            "base_url": addresses.shop,
            "access_token": secrets("shop_token", shop.TOKEN),
            "client_secret": secrets("shop_webhooks", shop.SECRET),
            "default_location": LOCATION,
            "orders_per_page": 100,
        },
        "streams": {
            "orders": {"interval_seconds": 60},
            "fulfilment_orders": {"enabled": False},
            "returns": {"enabled": False},
            # the ERP is the master of products
            "products": {"enabled": False},
        },
    }


def _marketplace(addresses: Addresses, secrets: _Secrets) -> Node:
    return {
        "connector": "amazon",
        "config": {
            "region": "na",
            "seller_id": marketplace.SELLER,
            "marketplace_ids": [marketplace.MARKETPLACE],
            "client_id": marketplace.CLIENT_ID,
            "client_secret": secrets("marketplace_client", marketplace.CLIENT_SECRET),
            "refresh_token": secrets("marketplace_refresh", marketplace.REFRESH_TOKEN),
            "base_url": addresses.marketplace,
            "token_url": f"{addresses.marketplace}/auth/o2/token",
        },
        "streams": {"orders": {"interval_seconds": 2}},
    }


def _erp(addresses: Addresses, secrets: _Secrets) -> Node:
    polled = ("products", "stock", "orders")
    return {
        "connector": "soap_erp",
        "config": {
            "profile": "plain_erp",
            "endpoint": f"{addresses.erp}/erp",
            "username": erp.USER,
            "password": secrets("erp_password", erp.PASSWORD),
            "caller": {
                "username": erp.CALLER_USER,
                "passwords": [secrets("erp_caller_password", erp.CALLER_PASSWORD)],
            },
        },
        # this ERP calls us; a poll now and then would find what got lost
        "streams": {name: {"interval_seconds": 300} for name in polled},
    }


def _carrier(addresses: Addresses, secrets: _Secrets) -> Node:
    return {
        "connector": "easypost",
        "config": {
            "api_key": secrets("carrier_key", carrier.API_KEY),
            "mode": "test",
            "webhook_secret": secrets("carrier_webhooks", carrier.WEBHOOK_SECRET),
            "base_url": addresses.carrier,
            "services": {
                "ups_ground": [{"carrier": "UPS", "service": "Ground"}],
                "usps_ground": [{"carrier": "USPS", "service": "GroundAdvantage"}],
                "ups_2day": [{"carrier": "UPS", "service": "2ndDayAir"}],
                "ups_next_day": [{"carrier": "UPS", "service": "NextDayAir"}],
                "freight": [{"carrier": "FedEx", "service": "FEDEX_GROUND"}],
            },
        },
    }


def _files(addresses: Addresses, name: str, password: str, **more: object) -> Node:
    return {
        "kind": "sftp",
        "host": addresses.sftp_host,
        "port": addresses.sftp_port,
        "username": name,
        "password": password,
        "host_keys": [addresses.sftp_fingerprint],
        **more,
    }


def _warehouse(files: Node, inbound: dict[str, str], **config: object) -> Node:
    """A connection by files: ``inbound`` is the pattern of each stream."""
    return {
        "connector": "sftp_wms",
        "config": {
            "files": files,
            "inbound": {stream: {"folder": FROM, "pattern": pattern} for stream, pattern in inbound.items()},
            "orders": {"folder": TO, "taken_folder": TAKEN},
            **config,
        },
        "streams": {
            stream: {"interval_seconds": _INTERVALS.get(stream, _INTERVAL_SECONDS)} for stream in inbound
        },
    }


_CSV = {"stock_csv": "stock_*.csv", "advice_csv": "advice_*.csv", "response_csv": "response_*.csv"}
_AS_ROWS = {"fulfilment.request": "sftp_wms/order", "fulfilment.cancel": "sftp_wms/cancellation"}


def _centres(addresses: Addresses, secrets: _Secrets) -> Node:
    """X12, except for counts and refusals; files are complete when they have stood still."""
    files = _files(addresses, DCS.name, secrets("dcs_password", DCS.password), settle_seconds=0.8)
    inbound = {
        "stock_csv": "stock_*.csv",
        "response_csv": "response_*.csv",
        "advice_945": "advice_*.x12",
        "movement_947": "947_*.x12",
        "ack_997": "997_*.x12",
    }
    x12 = {"envelope": {"sender": HUB_ID, "receiver": "MERIDIANDC", "usage": "T"}}
    return _warehouse(files, inbound, x12=x12)


def _stores(addresses: Addresses, secrets: _Secrets) -> Node:
    """CSV; a file is complete when an empty one named after it lies beside it."""
    files = _files(
        addresses, STORES.name, secrets("stores_password", STORES.password), done_marker="{name}.done"
    )
    return {**_warehouse(files, _CSV), "commands": _AS_ROWS}


def _three_pl(addresses: Addresses, secrets: _Secrets) -> Node:
    """Stock in columns of fixed width, all else CSV; files are renamed into place."""
    files = _files(
        addresses, THREE_PL.name, secrets("louisville_password", THREE_PL.password), settle_seconds=0
    )
    connection = _warehouse(files, {**_CSV, "stock_csv": "stock_*.txt"})
    connection["streams"]["stock_csv"] |= {"format": "fixed_width", "dialect": FIXED_STOCK}
    return {**connection, "commands": _AS_ROWS}


def _supplier(addresses: Addresses, secrets: _Secrets) -> Node:
    files = _files(
        addresses, SUPPLIER.name, secrets("highpoint_password", SUPPLIER.password), settle_seconds=0
    )
    return {**_warehouse(files, _CSV), "commands": _AS_ROWS}
