"""The web server: API, OSMesa's routes, pages, pictures. Questions are questions/, their SQL database/answers/."""
