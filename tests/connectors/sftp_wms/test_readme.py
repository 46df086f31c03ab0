"""The configuration in the README, loaded."""

from __future__ import annotations

from pathlib import Path

import yaml

import crossdock_connectors.sftp_wms
from crossdock.config.model import ConnectionConfig
from crossdock.sdk.formats import format_named
from crossdock_connectors.sftp_wms import CONNECTOR
from crossdock_connectors.sftp_wms.config import SftpWmsConfig


def test_the_example_is_a_good_configuration() -> None:
    page = Path(crossdock_connectors.sftp_wms.__file__).with_name("README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    connection = ConnectionConfig.model_validate(example["connections"]["dc_east"])
    config = SftpWmsConfig.model_validate(connection.config)
    used = {name: stream for name, stream in connection.streams.items() if stream.enabled}
    assert config.inbound.keys() >= used.keys()
    # the hub makes the format of every stream that is not switched off
    assert CONNECTOR.manifest.streams.keys() - connection.streams.keys() <= {
        name for name, spec in CONNECTOR.manifest.streams.items() if spec.format != "fixed_width"
    }
    for name, stream in used.items():
        assert format_named(CONNECTOR.manifest.stream(name).format or "", stream.dialect)
