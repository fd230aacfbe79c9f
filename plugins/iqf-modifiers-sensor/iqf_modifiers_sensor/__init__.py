"""IQF modifiers that degrade as a sensor does: blur, noise, sampling distance, misregistration."""
