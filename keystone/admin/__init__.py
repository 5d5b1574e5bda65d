"""Shared parts of the admin: base classes, cells, buttons, exports, forms."""
