"""What all of the admin shares: base classes, cells, buttons, exports, forms that overwrite nothing."""
