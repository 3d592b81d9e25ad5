"""The imperative shell: the queue, one reconcile for every object, the trigger table, and the wiring of it all."""
