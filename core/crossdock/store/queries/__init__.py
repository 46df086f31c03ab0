"""What people and programs ask of the database. Nothing here writes; each answer takes a few set-based statements."""
