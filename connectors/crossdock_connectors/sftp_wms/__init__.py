"""A warehouse that exchanges files, over SFTP or in a folder: X12, CSV, fixed width."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.sftp_wms.connector import SftpWms

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, SftpWms)
