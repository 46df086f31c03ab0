"""The 997 for what we received, made from its bytes alone.

Which one is sent does not depend on when, so that repeating it is harmless: name and control numbers come from the
interchange received. They lie above 900,000,000, where the control numbers of orders do not come.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from crossdock.sdk.formats.x12 import Envelope
from crossdock.sdk.formats.x12.envelopes import Interchange, survey
from crossdock_connectors.sftp_wms.config import OutboundFiles, SftpWmsConfig
from crossdock_connectors.sftp_wms.orders import OutgoingFile, digest, file_name

__all__ = ["acknowledgement_files"]

_FIRST, _COUNT = 900_000_000, 100_000_000


def acknowledgement_files(
    config: SftpWmsConfig, files: OutboundFiles, content: bytes, now: datetime
) -> Iterator[OutgoingFile]:
    """One file with a 997 a group, for each interchange of ``content`` that can be answered at all.

    It goes back to the ids that the interchange came from. An interchange that can't be read, and one that holds
    acknowledgements only, is not answered.
    """
    x12, read = config.require_x12(), config.x12_format()
    at = now.astimezone(ZoneInfo(x12.zone))
    for frame in read.frames([content]):
        bodies = list(read.acknowledge(frame))
        if not bodies:
            continue
        interchange = survey(frame.data)
        number = _number(interchange.control)
        envelope = _reply(x12.envelope, interchange)
        keys = envelope.keys("FA", control=number, group_control=number, at=at)
        sets = [{**body, "control": f"{place:04}", **keys} for place, body in enumerate(bodies, 1)]
        name = file_name(
            files,
            command="997",
            reference=interchange.control,
            key=digest(frame.data),
            number=number,
            extension="x12",
        )
        yield OutgoingFile(name, b"".join(read.write(sets)), x12=True)


def _number(received: str) -> int:
    """Our control number for an interchange with theirs; theirs may hold letters."""
    own = int(received) if received.isdecimal() else int(digest(received.encode()), 16)
    return _FIRST + own % _COUNT


def _reply(ours: Envelope, received: Interchange) -> Envelope:
    """Our envelope, addressed to where the interchange came from, with its usage."""
    header, group = received.header, received.groups[0].header
    return ours.model_copy(
        update={
            "sender_qualifier": header[6],
            "sender": header[7],
            "receiver_qualifier": header[4],
            "receiver": header[5],
            "group_sender": group[2],
            "group_receiver": group[1],
            "usage": header[14],
            "acknowledgement_requested": False,
        }
    )
