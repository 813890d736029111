extension ErrorCode {
    /// The broker failed in a way it has no other code for (-1).
    public static let unknownServerError = ErrorCode(rawValue: -1)
    /// No error (0).
    public static let none = ErrorCode(rawValue: 0)
    /// The offset is outside of the partition's log (1).
    public static let offsetOutOfRange = ErrorCode(rawValue: 1)
    /// A batch fails its checksum or its rules (2, retriable).
    public static let corruptMessage = ErrorCode(rawValue: 2)
    /// The broker has no such topic or partition (3, retriable).
    public static let unknownTopicOrPartition = ErrorCode(rawValue: 3)
    /// The fetch size is not valid (4).
    public static let invalidFetchSize = ErrorCode(rawValue: 4)
    /// The partition has no leader at the moment (5, retriable).
    public static let leaderNotAvailable = ErrorCode(rawValue: 5)
    /// The broker is not the partition's leader, or no replica of it (6, retriable).
    public static let notLeaderOrFollower = ErrorCode(rawValue: 6)
    /// The time of the request ran out (7, retriable).
    public static let requestTimedOut = ErrorCode(rawValue: 7)
    /// The broker is not available (8).
    public static let brokerNotAvailable = ErrorCode(rawValue: 8)
    /// The replica is not available (9, retriable).
    public static let replicaNotAvailable = ErrorCode(rawValue: 9)
    /// A batch is larger than the topic allows (10).
    public static let messageTooLarge = ErrorCode(rawValue: 10)
    /// The controller has moved on (11).
    public static let staleControllerEpoch = ErrorCode(rawValue: 11)
    /// The metadata of a committed offset is too large (12).
    public static let offsetMetadataTooLarge = ErrorCode(rawValue: 12)
    /// The connection was lost before the answer came (13, retriable).
    public static let networkException = ErrorCode(rawValue: 13)
    /// The coordinator is loading (14, retriable).
    public static let coordinatorLoadInProgress = ErrorCode(rawValue: 14)
    /// There is no coordinator at the moment (15, retriable).
    public static let coordinatorNotAvailable = ErrorCode(rawValue: 15)
    /// The broker is not the coordinator (16, retriable).
    public static let notCoordinator = ErrorCode(rawValue: 16)
    /// The topic's name is not valid (17).
    public static let invalidTopicException = ErrorCode(rawValue: 17)
    /// A batch is larger than a segment (18).
    public static let recordListTooLarge = ErrorCode(rawValue: 18)
    /// Fewer replicas are in sync than required (19, retriable).
    public static let notEnoughReplicas = ErrorCode(rawValue: 19)
    /// Written, but to fewer replicas than required (20, retriable).
    public static let notEnoughReplicasAfterAppend = ErrorCode(rawValue: 20)
    /// The acks are none of 0, 1 and -1 (21).
    public static let invalidRequiredAcks = ErrorCode(rawValue: 21)
    /// The group's generation is another one (22).
    public static let illegalGeneration = ErrorCode(rawValue: 22)
    /// The member's protocols do not fit the group's (23).
    public static let inconsistentGroupProtocol = ErrorCode(rawValue: 23)
    /// The group id is not valid (24).
    public static let invalidGroupId = ErrorCode(rawValue: 24)
    /// The group has no such member (25).
    public static let unknownMemberId = ErrorCode(rawValue: 25)
    /// The session timeout is outside of the broker's bounds (26).
    public static let invalidSessionTimeout = ErrorCode(rawValue: 26)
    /// The group is rebalancing; join again (27).
    public static let rebalanceInProgress = ErrorCode(rawValue: 27)
    /// The committed offsets are too large (28).
    public static let invalidCommitOffsetSize = ErrorCode(rawValue: 28)
    /// Not allowed on the topic (29).
    public static let topicAuthorizationFailed = ErrorCode(rawValue: 29)
    /// Not allowed on the group (30).
    public static let groupAuthorizationFailed = ErrorCode(rawValue: 30)
    /// Not allowed on the cluster (31).
    public static let clusterAuthorizationFailed = ErrorCode(rawValue: 31)
    /// A record's timestamp is out of range (32).
    public static let invalidTimestamp = ErrorCode(rawValue: 32)
    /// The SASL mechanism is not offered (33).
    public static let unsupportedSaslMechanism = ErrorCode(rawValue: 33)
    /// The request does not fit the state of authentication (34).
    public static let illegalSaslState = ErrorCode(rawValue: 34)
    /// The API is not offered in this version (35).
    public static let unsupportedVersion = ErrorCode(rawValue: 35)
    /// There is a topic of this name (36).
    public static let topicAlreadyExists = ErrorCode(rawValue: 36)
    /// The number of partitions is not valid (37).
    public static let invalidPartitions = ErrorCode(rawValue: 37)
    /// The replication factor is not valid (38).
    public static let invalidReplicationFactor = ErrorCode(rawValue: 38)
    /// The assignment of replicas is not valid (39).
    public static let invalidReplicaAssignment = ErrorCode(rawValue: 39)
    /// A configuration is not valid (40).
    public static let invalidConfig = ErrorCode(rawValue: 40)
    /// The broker is not the controller (41, retriable).
    public static let notController = ErrorCode(rawValue: 41)
    /// The request is malformed or contradicts itself (42).
    public static let invalidRequest = ErrorCode(rawValue: 42)
    /// The log's format does not support this (43).
    public static let unsupportedForMessageFormat = ErrorCode(rawValue: 43)
    /// A policy of the broker forbids this (44).
    public static let policyViolation = ErrorCode(rawValue: 44)
    /// A batch's sequence does not follow the last one (45).
    public static let outOfOrderSequenceNumber = ErrorCode(rawValue: 45)
    /// A batch's sequence was written before (46).
    public static let duplicateSequenceNumber = ErrorCode(rawValue: 46)
    /// A newer producer has this id (47).
    public static let invalidProducerEpoch = ErrorCode(rawValue: 47)
    /// The transaction is not in a state for this (48).
    public static let invalidTxnState = ErrorCode(rawValue: 48)
    /// The producer id is not the transactional id's (49).
    public static let invalidProducerIdMapping = ErrorCode(rawValue: 49)
    /// The transaction timeout is larger than allowed (50).
    public static let invalidTransactionTimeout = ErrorCode(rawValue: 50)
    /// The last transaction is still being completed (51, retriable).
    public static let concurrentTransactions = ErrorCode(rawValue: 51)
    /// The transaction coordinator is no longer current (52).
    public static let transactionCoordinatorFenced = ErrorCode(rawValue: 52)
    /// Not allowed on the transactional id (53).
    public static let transactionalIdAuthorizationFailed = ErrorCode(rawValue: 53)
    /// Security features are off (54).
    public static let securityDisabled = ErrorCode(rawValue: 54)
    /// Left undone because another part failed (55).
    public static let operationNotAttempted = ErrorCode(rawValue: 55)
    /// The disk of the log failed (56, retriable).
    public static let kafkaStorageError = ErrorCode(rawValue: 56)
    /// There is no such log folder (57).
    public static let logDirNotFound = ErrorCode(rawValue: 57)
    /// Authentication failed (58).
    public static let saslAuthenticationFailed = ErrorCode(rawValue: 58)
    /// Nothing is known of the producer id (59).
    public static let unknownProducerId = ErrorCode(rawValue: 59)
    /// The partition is being reassigned (60).
    public static let reassignmentInProgress = ErrorCode(rawValue: 60)
    /// Delegation tokens are off (61).
    public static let delegationTokenAuthDisabled = ErrorCode(rawValue: 61)
    /// There is no such delegation token (62).
    public static let delegationTokenNotFound = ErrorCode(rawValue: 62)
    /// The delegation token belongs to somebody else (63).
    public static let delegationTokenOwnerMismatch = ErrorCode(rawValue: 63)
    /// Delegation tokens are not given on such a connection (64).
    public static let delegationTokenRequestNotAllowed = ErrorCode(rawValue: 64)
    /// Not allowed on the delegation token (65).
    public static let delegationTokenAuthorizationFailed = ErrorCode(rawValue: 65)
    /// The delegation token has expired (66).
    public static let delegationTokenExpired = ErrorCode(rawValue: 66)
    /// The type of the principal is not supported (67).
    public static let invalidPrincipalType = ErrorCode(rawValue: 67)
    /// The group has members (68).
    public static let nonEmptyGroup = ErrorCode(rawValue: 68)
    /// There is no such group (69).
    public static let groupIdNotFound = ErrorCode(rawValue: 69)
    /// There is no such fetch session (70, retriable).
    public static let fetchSessionIdNotFound = ErrorCode(rawValue: 70)
    /// The epoch of the fetch session is not the next one (71, retriable).
    public static let invalidFetchSessionEpoch = ErrorCode(rawValue: 71)
    /// The leader has no listener of this name (72, retriable).
    public static let listenerNotFound = ErrorCode(rawValue: 72)
    /// Topics may not be deleted (73).
    public static let topicDeletionDisabled = ErrorCode(rawValue: 73)
    /// The leader epoch given is older than the broker's (74, retriable).
    public static let fencedLeaderEpoch = ErrorCode(rawValue: 74)
    /// The leader epoch given is newer than the broker's (75, retriable).
    public static let unknownLeaderEpoch = ErrorCode(rawValue: 75)
    /// The codec is not supported in this version (76).
    public static let unsupportedCompressionType = ErrorCode(rawValue: 76)
    /// The broker has registered again since (77).
    public static let staleBrokerEpoch = ErrorCode(rawValue: 77)
    /// The new leader's high watermark is not known yet (78, retriable).
    public static let offsetNotAvailable = ErrorCode(rawValue: 78)
    /// Join again with the member id given (79).
    public static let memberIdRequired = ErrorCode(rawValue: 79)
    /// The preferred leader is not available (80, retriable).
    public static let preferredLeaderNotAvailable = ErrorCode(rawValue: 80)
    /// The group has as many members as it may (81).
    public static let groupMaxSizeReached = ErrorCode(rawValue: 81)
    /// Another member has this instance id (82).
    public static let fencedInstanceId = ErrorCode(rawValue: 82)
    /// No replica may become leader (83, retriable).
    public static let eligibleLeadersNotAvailable = ErrorCode(rawValue: 83)
    /// The partition has the leader wanted (84, retriable).
    public static let electionNotNeeded = ErrorCode(rawValue: 84)
    /// The partition is not being reassigned (85).
    public static let noReassignmentInProgress = ErrorCode(rawValue: 85)
    /// The group consumes the topic (86).
    public static let groupSubscribedToTopic = ErrorCode(rawValue: 86)
    /// A record fails the broker's validation (87).
    public static let invalidRecord = ErrorCode(rawValue: 87)
    /// Offsets are pending in a transaction (88, retriable).
    public static let unstableOffsetCommit = ErrorCode(rawValue: 88)
    /// A quota is used up for the moment (89, retriable).
    public static let throttlingQuotaExceeded = ErrorCode(rawValue: 89)
    /// A newer producer has this transactional id (90).
    public static let producerFenced = ErrorCode(rawValue: 90)
    /// There is no such resource (91).
    public static let resourceNotFound = ErrorCode(rawValue: 91)
    /// There is such a resource (92).
    public static let duplicateResource = ErrorCode(rawValue: 92)
    /// The credential does not satisfy the rules (93).
    public static let unacceptableCredential = ErrorCode(rawValue: 93)
    /// The set of voters is another one (94).
    public static let inconsistentVoterSet = ErrorCode(rawValue: 94)
    /// The version of the update is not the next one (95).
    public static let invalidUpdateVersion = ErrorCode(rawValue: 95)
    /// Features could not be updated (96).
    public static let featureUpdateFailed = ErrorCode(rawValue: 96)
    /// A forwarded principal cannot be read (97).
    public static let principalDeserializationFailure = ErrorCode(rawValue: 97)
    /// There is no such snapshot (98).
    public static let snapshotNotFound = ErrorCode(rawValue: 98)
    /// The position is outside of the snapshot (99).
    public static let positionOutOfRange = ErrorCode(rawValue: 99)
    /// The broker has no topic of this id (100, retriable).
    public static let unknownTopicId = ErrorCode(rawValue: 100)
    /// Another broker has this id (101).
    public static let duplicateBrokerRegistration = ErrorCode(rawValue: 101)
    /// No broker has this id (102).
    public static let brokerIdNotRegistered = ErrorCode(rawValue: 102)
    /// The topic id is not the log's (103, retriable).
    public static let inconsistentTopicId = ErrorCode(rawValue: 103)
    /// The cluster id is another one (104).
    public static let inconsistentClusterId = ErrorCode(rawValue: 104)
    /// There is no such transactional id (105).
    public static let transactionalIdNotFound = ErrorCode(rawValue: 105)
    /// The fetch session mixes topic ids and names (106, retriable).
    public static let fetchSessionTopicIdError = ErrorCode(rawValue: 106)
    /// The replica may not join those in sync (107).
    public static let ineligibleReplica = ErrorCode(rawValue: 107)
    /// The change of those in sync brought a new leader (108).
    public static let newLeaderElected = ErrorCode(rawValue: 108)
    /// The offset is in tiered storage (109).
    public static let offsetMovedToTieredStorage = ErrorCode(rawValue: 109)
    /// The member's epoch is older than the coordinator's (110).
    public static let fencedMemberEpoch = ErrorCode(rawValue: 110)
    /// Another member still has this instance id (111).
    public static let unreleasedInstanceId = ErrorCode(rawValue: 111)
    /// The group does not support the assignor (112).
    public static let unsupportedAssignor = ErrorCode(rawValue: 112)
    /// The member's epoch is not current; ask again (113).
    public static let staleMemberEpoch = ErrorCode(rawValue: 113)
    /// The request went to the wrong kind of endpoint (114).
    public static let mismatchedEndpointType = ErrorCode(rawValue: 114)
    /// The kind of endpoint is not supported (115).
    public static let unsupportedEndpointType = ErrorCode(rawValue: 115)
    /// There is no such controller (116).
    public static let unknownControllerId = ErrorCode(rawValue: 116)
    /// The telemetry subscription is another one (117).
    public static let unknownSubscriptionId = ErrorCode(rawValue: 117)
    /// The telemetry is larger than allowed (118).
    public static let telemetryTooLarge = ErrorCode(rawValue: 118)
    /// The broker's registration is not valid (119).
    public static let invalidRegistration = ErrorCode(rawValue: 119)
    /// The transaction can only be aborted (120).
    public static let transactionAbortable = ErrorCode(rawValue: 120)
    /// The share group's record is not in a state for this (121).
    public static let invalidRecordState = ErrorCode(rawValue: 121)
    /// There is no such share session (122, retriable).
    public static let shareSessionNotFound = ErrorCode(rawValue: 122)
    /// The epoch of the share session is not the next one (123, retriable).
    public static let invalidShareSessionEpoch = ErrorCode(rawValue: 123)
    /// The epoch of the share state is older than the coordinator's (124).
    public static let fencedStateEpoch = ErrorCode(rawValue: 124)
    /// The voter's key is another one (125).
    public static let invalidVoterKey = ErrorCode(rawValue: 125)
    /// The voter is in the set (126).
    public static let duplicateVoter = ErrorCode(rawValue: 126)
    /// The voter is not in the set (127).
    public static let voterNotFound = ErrorCode(rawValue: 127)
    /// The regular expression is not valid (128).
    public static let invalidRegularExpression = ErrorCode(rawValue: 128)
    /// The client has to bootstrap again (129).
    public static let rebootstrapRequired = ErrorCode(rawValue: 129)
    /// The topology is not valid (130).
    public static let streamsInvalidTopology = ErrorCode(rawValue: 130)
    /// The topology's epoch is not valid (131).
    public static let streamsInvalidTopologyEpoch = ErrorCode(rawValue: 131)
    /// The topology's epoch is outdated (132).
    public static let streamsTopologyFenced = ErrorCode(rawValue: 132)
    /// There are as many share sessions as there may be (133, retriable).
    public static let shareSessionLimitReached = ErrorCode(rawValue: 133)

    /// Kafka's names of the codes, from −1 upwards without a gap.
    static let names: [StaticString] = [
        "UNKNOWN_SERVER_ERROR",
        "NONE",
        "OFFSET_OUT_OF_RANGE",
        "CORRUPT_MESSAGE",
        "UNKNOWN_TOPIC_OR_PARTITION",
        "INVALID_FETCH_SIZE",
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_OR_FOLLOWER",
        "REQUEST_TIMED_OUT",
        "BROKER_NOT_AVAILABLE",
        "REPLICA_NOT_AVAILABLE",
        "MESSAGE_TOO_LARGE",
        "STALE_CONTROLLER_EPOCH",
        "OFFSET_METADATA_TOO_LARGE",
        "NETWORK_EXCEPTION",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "INVALID_TOPIC_EXCEPTION",
        "RECORD_LIST_TOO_LARGE",
        "NOT_ENOUGH_REPLICAS",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        "INVALID_REQUIRED_ACKS",
        "ILLEGAL_GENERATION",
        "INCONSISTENT_GROUP_PROTOCOL",
        "INVALID_GROUP_ID",
        "UNKNOWN_MEMBER_ID",
        "INVALID_SESSION_TIMEOUT",
        "REBALANCE_IN_PROGRESS",
        "INVALID_COMMIT_OFFSET_SIZE",
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "INVALID_TIMESTAMP",
        "UNSUPPORTED_SASL_MECHANISM",
        "ILLEGAL_SASL_STATE",
        "UNSUPPORTED_VERSION",
        "TOPIC_ALREADY_EXISTS",
        "INVALID_PARTITIONS",
        "INVALID_REPLICATION_FACTOR",
        "INVALID_REPLICA_ASSIGNMENT",
        "INVALID_CONFIG",
        "NOT_CONTROLLER",
        "INVALID_REQUEST",
        "UNSUPPORTED_FOR_MESSAGE_FORMAT",
        "POLICY_VIOLATION",
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        "DUPLICATE_SEQUENCE_NUMBER",
        "INVALID_PRODUCER_EPOCH",
        "INVALID_TXN_STATE",
        "INVALID_PRODUCER_ID_MAPPING",
        "INVALID_TRANSACTION_TIMEOUT",
        "CONCURRENT_TRANSACTIONS",
        "TRANSACTION_COORDINATOR_FENCED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SECURITY_DISABLED",
        "OPERATION_NOT_ATTEMPTED",
        "KAFKA_STORAGE_ERROR",
        "LOG_DIR_NOT_FOUND",
        "SASL_AUTHENTICATION_FAILED",
        "UNKNOWN_PRODUCER_ID",
        "REASSIGNMENT_IN_PROGRESS",
        "DELEGATION_TOKEN_AUTH_DISABLED",
        "DELEGATION_TOKEN_NOT_FOUND",
        "DELEGATION_TOKEN_OWNER_MISMATCH",
        "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
        "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
        "DELEGATION_TOKEN_EXPIRED",
        "INVALID_PRINCIPAL_TYPE",
        "NON_EMPTY_GROUP",
        "GROUP_ID_NOT_FOUND",
        "FETCH_SESSION_ID_NOT_FOUND",
        "INVALID_FETCH_SESSION_EPOCH",
        "LISTENER_NOT_FOUND",
        "TOPIC_DELETION_DISABLED",
        "FENCED_LEADER_EPOCH",
        "UNKNOWN_LEADER_EPOCH",
        "UNSUPPORTED_COMPRESSION_TYPE",
        "STALE_BROKER_EPOCH",
        "OFFSET_NOT_AVAILABLE",
        "MEMBER_ID_REQUIRED",
        "PREFERRED_LEADER_NOT_AVAILABLE",
        "GROUP_MAX_SIZE_REACHED",
        "FENCED_INSTANCE_ID",
        "ELIGIBLE_LEADERS_NOT_AVAILABLE",
        "ELECTION_NOT_NEEDED",
        "NO_REASSIGNMENT_IN_PROGRESS",
        "GROUP_SUBSCRIBED_TO_TOPIC",
        "INVALID_RECORD",
        "UNSTABLE_OFFSET_COMMIT",
        "THROTTLING_QUOTA_EXCEEDED",
        "PRODUCER_FENCED",
        "RESOURCE_NOT_FOUND",
        "DUPLICATE_RESOURCE",
        "UNACCEPTABLE_CREDENTIAL",
        "INCONSISTENT_VOTER_SET",
        "INVALID_UPDATE_VERSION",
        "FEATURE_UPDATE_FAILED",
        "PRINCIPAL_DESERIALIZATION_FAILURE",
        "SNAPSHOT_NOT_FOUND",
        "POSITION_OUT_OF_RANGE",
        "UNKNOWN_TOPIC_ID",
        "DUPLICATE_BROKER_REGISTRATION",
        "BROKER_ID_NOT_REGISTERED",
        "INCONSISTENT_TOPIC_ID",
        "INCONSISTENT_CLUSTER_ID",
        "TRANSACTIONAL_ID_NOT_FOUND",
        "FETCH_SESSION_TOPIC_ID_ERROR",
        "INELIGIBLE_REPLICA",
        "NEW_LEADER_ELECTED",
        "OFFSET_MOVED_TO_TIERED_STORAGE",
        "FENCED_MEMBER_EPOCH",
        "UNRELEASED_INSTANCE_ID",
        "UNSUPPORTED_ASSIGNOR",
        "STALE_MEMBER_EPOCH",
        "MISMATCHED_ENDPOINT_TYPE",
        "UNSUPPORTED_ENDPOINT_TYPE",
        "UNKNOWN_CONTROLLER_ID",
        "UNKNOWN_SUBSCRIPTION_ID",
        "TELEMETRY_TOO_LARGE",
        "INVALID_REGISTRATION",
        "TRANSACTION_ABORTABLE",
        "INVALID_RECORD_STATE",
        "SHARE_SESSION_NOT_FOUND",
        "INVALID_SHARE_SESSION_EPOCH",
        "FENCED_STATE_EPOCH",
        "INVALID_VOTER_KEY",
        "DUPLICATE_VOTER",
        "VOTER_NOT_FOUND",
        "INVALID_REGULAR_EXPRESSION",
        "REBOOTSTRAP_REQUIRED",
        "STREAMS_INVALID_TOPOLOGY",
        "STREAMS_INVALID_TOPOLOGY_EPOCH",
        "STREAMS_TOPOLOGY_FENCED",
        "SHARE_SESSION_LIMIT_REACHED",
    ]

    /// The codes after which a client may try again, as Kafka's own client has them.
    static let retriable: Set<ErrorCode> = [
        .corruptMessage,
        .unknownTopicOrPartition,
        .leaderNotAvailable,
        .notLeaderOrFollower,
        .requestTimedOut,
        .replicaNotAvailable,
        .networkException,
        .coordinatorLoadInProgress,
        .coordinatorNotAvailable,
        .notCoordinator,
        .notEnoughReplicas,
        .notEnoughReplicasAfterAppend,
        .notController,
        .concurrentTransactions,
        .kafkaStorageError,
        .fetchSessionIdNotFound,
        .invalidFetchSessionEpoch,
        .listenerNotFound,
        .fencedLeaderEpoch,
        .unknownLeaderEpoch,
        .offsetNotAvailable,
        .preferredLeaderNotAvailable,
        .eligibleLeadersNotAvailable,
        .eligibleLeadersNotAvailable,
        .electionNotNeeded,
        .unstableOffsetCommit,
        .throttlingQuotaExceeded,
        .unknownTopicId,
        .inconsistentTopicId,
        .fetchSessionTopicIdError,
        .shareSessionNotFound,
        .invalidShareSessionEpoch,
        .shareSessionLimitReached,
    ]
}
