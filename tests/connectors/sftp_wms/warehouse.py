"""A warehouse: picks up 940s, ships, drops 945s. It reads and writes X12 by plain splitting and joining."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.connectors.sftp_wms.builders import interchange
from tests.connectors.sftp_wms.dictionary import counted, split


@dataclass
class Warehouse:
    """``root`` has ``to_wms``, ``to_wms/taken``, ``from_wms``; ``seen`` are the order numbers it has taken."""

    root: Path
    seen: list[str] = field(default_factory=list)
    sent: int = 0

    def work(self) -> None:
        """Take every order there is and ship it, one carton a line."""
        for path in sorted((self.root / "to_wms").glob("*.x12")):
            segments = split(path.read_bytes())
            counted(segments)
            path.rename(self.root / "to_wms" / "taken" / path.name)
            self._acknowledge(segments)
            order = next(one for one in segments if one[0] == "W05")
            if order[1] == "N":
                self.seen.append(order[2])
                self._ship(segments, order[2])

    def _drop(self, name: str, content: bytes) -> None:
        (self.root / "from_wms" / name).write_bytes(content)

    def _acknowledge(self, segments: list[list[str]]) -> None:
        group = next(one for one in segments if one[0] == "GS")
        control = next(one for one in segments if one[0] == "ST")[2]
        self.sent += 1
        body = [f"AK1*{group[1]}*{group[6]}", f"AK2*940*{control}", "AK5*A", "AK9*A*1*1*1"]
        self._drop(f"997_{self.sent}.x12", interchange("FA", [("997", body)], self.sent))

    def _ship(self, segments: list[list[str]], order: str) -> None:
        body = [f"W06*N*{order}*20261123*BOL-{order}", "G62*11*20261123*W*1530", "W27*U*UPSN*GROUND"]
        number = 0
        for at, one in enumerate(segments):
            if one[0] == "W01":
                number += 1
                line = next(found[2] for found in segments[at:] if found[:2] == ["N9", "LI"])
                body += [f"LX*{number}", f"MAN*CP*1Z{number}", f"W12*CC*{one[1]}*{one[1]}**EA**VN*{one[5]}"]
                body += [f"N9*LI*{line}"]
        self.sent += 1
        self._drop(f"945_{self.sent}.x12", interchange("SW", [("945", body)], self.sent))
