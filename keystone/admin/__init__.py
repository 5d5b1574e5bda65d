"""What the whole admin shares: base classes, cells, buttons, exports, forms."""
