"""Background traffic: TCP connections and streams of UDP packets."""
