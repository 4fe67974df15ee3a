"""The screens, one file and one .tcss a step; `kiosk.ui.routes` loads them when they are first shown."""
