"""The line to the centre: connections, their certificates, how long they are waited for, and the switch of the drills."""
