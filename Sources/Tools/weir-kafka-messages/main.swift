print("weir-kafka-messages")
