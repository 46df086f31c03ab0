"""Scenarios: files with a network, stock, a policy, orders and what is expected of them. A policy's unit test."""
