"""The verbs as the screens call them, by their business; `kiosk.desk.service` gathers them."""
