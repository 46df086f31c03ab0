"""The Kafka runtime: the same processors, on partitions of topics, in as many workers as wanted."""
