"""Queue -> processes -> states. The only place that starts processes and sends signals."""
