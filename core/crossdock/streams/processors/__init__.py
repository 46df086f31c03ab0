"""What happens to messages. Each module declares one processor or timer; ``declared`` lists them all."""
