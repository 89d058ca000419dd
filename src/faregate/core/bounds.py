"""Every limit that isn't a setting, by name, with its reason.

Reaching one is a named refusal (see `core.refusals`), never a crash and never silence.
Limits that an operator may want to move are settings (`configuration.settings`); their
defaults and the outermost values that a setting may take are here as well.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# -- What a client may send (RFC 9110 §2.3 asks servers to state their own limits) -----------
REQUEST_LINE_BYTES_MAX: Final = 8 * KIB  # RFC 9112 §3 recommends at least 8,000 octets
REQUEST_HEAD_BYTES_MAX: Final = 32 * KIB  # SDKs send under 2 KiB; traces and tokens add a few
REQUEST_HEADER_COUNT_MAX: Final = 100  # as nginx and Envoy: more is an attack or a mistake
REQUEST_BODY_BYTES_MAX: Final = 32 * MIB  # long contexts with images inside; as OpenAI's chat API
CHUNK_OVERHEAD_BYTES_MAX: Final = 64 * KIB  # framing beyond 8 bytes for each byte of body: padding
BUFFERED_BODY_BYTES_MAX: Final = 512 * MIB  # all request bodies a worker holds at once
CONNECTIONS_MAX: Final = 20_000  # of clients, a worker
REALTIME_MESSAGE_BYTES_MAX: Final = 16 * MIB  # one event of a session; OpenAI takes 15 MiB
FORM_PARTS_MAX: Final = 256  # an edit of images has 16 of them, a transcription 100 words to know
FORM_HEAD_BYTES_MAX: Final = 4 * KIB  # of one part; a file's name is all that is long in it

# -- What an upstream may send ----------------------------------------------------------------
REPLY_HEAD_BYTES_MAX: Final = 64 * KIB
REPLY_HEADER_COUNT_MAX: Final = 200
REPLY_INTERIM_COUNT_MAX: Final = 8  # 1xx answers before the real one
STREAM_EVENT_BYTES_MAX: Final = 8 * MIB  # one server-sent event; images travel inside some
REPLY_KEPT_BYTES_MAX: Final = 256 * KIB  # of a reply that isn't streamed, kept to read the usage
TRANSLATED_REPLY_BYTES_MAX: Final = 64 * MIB  # of a reply that is read whole for its translation
MASKING_MARGIN_BYTES: Final = 4 * KIB  # kept of a body beyond what is shown, to find secrets whole
REPLY_ENDS_BYTES: Final = 32 * KIB  # of a longer one: this much of its start and of its end

# -- Memory between the two sides ---------------------------------------------------------------
WRITE_BUFFER_BYTES_HIGH: Final = 64 * KIB  # above it the other side stops being read
WRITE_BUFFER_BYTES_LOW: Final = 16 * KIB

# -- Lookups ------------------------------------------------------------------------------------
KEY_CACHE_ENTRIES_MAX: Final = 200_000  # under 1 KB each
UNKNOWN_KEY_CACHE_ENTRIES_MAX: Final = 10_000  # guesses; oldest leave first
UNKNOWN_KEY_CACHE_SECONDS: Final = 1.0  # a key made just now must work just now
KEY_LOOKUPS_WAITING_MAX: Final = 1_000  # calls that wait for the key store at once

# -- Credit -------------------------------------------------------------------------------------
CREDIT_WAITING_MAX: Final = 10_000  # calls of a worker that wait for credit at once
FIRST_OUTPUT_TOKENS: Final = 256  # held for a stream without an output limit, and each time more
LEAST_OUTPUT_TOKENS: Final = 1_024  # a limit of ours is not below this where there is credit
CONTEXT_TOKENS: Final = 1_000_000  # the most input of a model whose own limit isn't known
USUAL_OUTPUT_TOKENS: Final = 16_384  # the most of a model whose own limit isn't known
SUBJECT_CHARACTERS_MAX: Final = 128  # of a customer or a run, which callers name
SUBJECTS_KEPT_MAX: Final = 20_000  # customers and runs whose terms a worker remembers

# -- Limits -------------------------------------------------------------------------------------
LIMIT_COUNTERS_MAX: Final = 200_000  # short limits that count at once, under 1 KB each
LIMIT_QUESTIONS_WAITING_MAX: Final = 10_000  # limits that calls wait for in the shared counters

# -- Explaining ---------------------------------------------------------------------------------
DECISIONS_KEPT_MAX: Final = 2_000  # of the newest calls, in a worker's memory, about 2 KB each
DECISION_LOOKUPS_WAITING_MAX: Final = 32  # calls that are looked up in the call log at once

# -- Files and batches --------------------------------------------------------------------------
FILE_REQUESTS_WAITING_MAX: Final = 64  # that a worker does in its one thread for files
FILE_PIECE_BYTES: Final = 256 * KIB  # of a file, read and sent at once
FILE_LIST_MAX: Final = 10_000  # rows of one answer, as OpenAI's
BATCH_REPLY_BYTES_MAX: Final = 64 * MIB  # of one line; what is longer is told as an error

# -- Audit log ----------------------------------------------------------------------------------
AUDIT_VALUE_BYTES_MAX: Final = 64 * KIB  # of a thing before or after; more is told by its size
AUDIT_TEXT_CHARACTERS_MAX: Final = 2_000  # of a name, an object or a detail
AUDIT_BATCH: Final = 1_000  # entries that are read or taken away at once

# -- Webhooks -----------------------------------------------------------------------------------
WEBHOOKS_MAX: Final = 100  # of the organisation, and of each team
WEBHOOK_PENDING_MAX: Final = 10_000  # on their way to one webhook; what comes on top is dropped
WEBHOOK_SENDING_MAX: Final = 16  # webhooks that are sent to at once
WEBHOOK_REPLY_BYTES_MAX: Final = 1_000  # of an answer that the log keeps

# -- Journal --------------------------------------------------------------------------------------
JOURNAL_SEGMENT_BYTES: Final = 16 * MIB
JOURNAL_FRAME_BYTES_MAX: Final = 4 * MIB  # larger bodies are kept cut, and say so

# -- Names --------------------------------------------------------------------------------------
MODEL_NAME_CHARACTERS_MAX: Final = 200  # as `configuration.document.ModelName`
