"""The notifier process: tells people what the alert log says, on the channels of the settings."""
