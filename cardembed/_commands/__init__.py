"""One file a command, each with a click object named `command`."""
