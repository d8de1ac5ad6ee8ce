"""The gallery: one page that shows every activation, and needs nothing but a browser."""
