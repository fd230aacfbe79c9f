"""A detector of vehicles and aircraft: linear templates propose, boosted trees judge aligned windows."""
