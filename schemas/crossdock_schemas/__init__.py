"""The canonical model: what every partner's dialect is turned into, and out of."""
