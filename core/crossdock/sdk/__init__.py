"""What a connector author imports: roles, manifest, outcomes, errors, services, formats."""
