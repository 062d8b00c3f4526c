"""What two pages share, one module per widget."""
