"""Routes of the web server beside the pages: live feed, assets, health. They only read."""
