"""The error tree, sorted by who has to act.

LookalikeError
├── Rejected            the caller acts; never retried (HTTP 4xx)
│   ├── FeaturesInvalid       numbers that are not finite, or only zeros
│   ├── FilterInvalid         a filter, predicate or threshold that cannot be used
│   ├── ImageNotFound         nothing is there, or it is no file
│   ├── ImageTooLarge         more bytes or pixels than allowed
│   ├── ImageUnreadable       the bytes are no picture that can be decoded
│   ├── ImageNotEmbeddable    the encoder cannot answer for this picture
│   ├── IdempotencyKeyReused  it came with another request before
│   ├── NotCalibrated         nobody has measured what a near-duplicate is
│   ├── OriginForbidden       a page of another site asks in its reader's name
│   ├── ReferenceForbidden    the policy does not let this reference be read
│   ├── ReferenceInvalid      the reference is no path, URL, object or upload
│   ├── ReembeddingRefused    the step does not fit how far the change of encoder is
│   ├── SignatureInvalid      a webhook's delivery is not signed as it should be
│   ├── ScopeMissing          the API key is not made for this
│   ├── SampleTooSmall        too few images to measure on can be read
│   ├── MetadataInvalid       metadata is no JSON object that Postgres holds
│   ├── ExportUnusable        a file is no export of a collection, or is damaged
│   ├── TrainingSetUnusable   the folder is no set of class folders to train on
│   ├── Unauthenticated       no API key was given, or none that is good
│   ├── UnknownApiKey         no API key has this id
│   ├── UnknownCollection     no collection has this name
│   ├── UnknownFeatureSpace   no feature space has this name, or several have
│   ├── UnknownImage          no image has this id
│   ├── UnknownJob            no job has this id
│   ├── UnknownMap            a collection has no map, and none was asked for
│   ├── UnknownWebhook        no webhook has this id
│   └── WrongFeatureSpace     features of two feature spaces would meet
├── Unavailable         time acts; retried with backoff (HTTP 503)
│   ├── FetchFailed           the image's host did not answer properly
│   ├── StoreUnavailable      Postgres cannot be reached
│   ├── QueueUnavailable      Redis cannot be reached
│   ├── BacklogFull           as many jobs wait as the operator allows (HTTP 429)
│   ├── DecoderUnavailable    no process that decodes can be started
│   ├── TooManyRequests       one caller asks faster than the settings allow (HTTP 429)
│   ├── RequestUnderWay       the first request with this Idempotency-Key still runs (HTTP 409)
│   ├── EncoderExhausted      the encoder ran out of memory
│   ├── WorkerLost            a worker died while it held the job
│   └── WaitedTooLong         what was waited for did not happen in time
└── Misconfigured       the operator acts; the process exits
    ├── InvalidSetting        a setting's value cannot be used
    ├── WeightsMissing        the encoder's weights cannot be had
    ├── RuntimeDisagrees      a runtime's features are not the module's
    │   └── DownloadFailed        the host that should give them does not
    ├── DiskFull              a disk has no room for what has to be written
    ├── SchemaOutdated        the database needs `lookalike migrate`
    └── ServerNotStarted      an embedded server cannot start here

A message states what was found, what was expected and the next move; the
offending value is the attribute `value`.
"""

from __future__ import annotations


class LookalikeError(Exception):
    """Everything that lookalike raises on purpose."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.value = value

    @property
    def reason(self) -> str:
        """The error's name as it stands in a job's row and in an HTTP answer."""
        return type(self).__name__


class Rejected(LookalikeError):
    """The caller has to act: trying again gives the same answer."""


class FeaturesInvalid(Rejected):
    """The features have no direction: numbers that are not finite, or only zeros."""


class FilterInvalid(Rejected):
    """A filter, a predicate or a threshold of a search cannot be used."""


class ImageNotFound(Rejected):
    """Nothing is at the reference, or what is there is no file."""


class ImageTooLarge(Rejected):
    """The picture has more bytes or more pixels than the settings allow."""


class ImageUnreadable(Rejected):
    """The bytes are not a picture in a supported format, or are damaged."""


class ImageNotEmbeddable(Rejected):
    """The encoder fails on this picture alone, or gives numbers that are not finite."""


class IdempotencyKeyReused(Rejected):
    """An Idempotency-Key that came with one request comes again with another."""


class NotCalibrated(Rejected):
    """Nobody has measured yet which distances mean near-duplicate in a collection."""


class OriginForbidden(Rejected):
    """A web page of another site asks through its reader's browser."""


class ReferenceForbidden(Rejected):
    """The policy of the process does not let this reference be read."""


class ReferenceInvalid(Rejected):
    """The reference is no path, http(s) URL, object of a bucket or upload."""


class ReembeddingRefused(Rejected):
    """The step does not fit how far a collection's change of encoder is."""


class SignatureInvalid(Rejected):
    """What came to a receiver of webhooks is not signed with its secret, or not just now."""


class ScopeMissing(Rejected):
    """The API key is good, and not made for what was asked; `value` is the scope."""


class SampleTooSmall(Rejected):
    """Too few of a collection's images can be read here to measure anything on them."""


class MetadataInvalid(Rejected):
    """The metadata is no JSON object, or holds what Postgres cannot."""


class ExportUnusable(Rejected):
    """The file is no export of a collection, is damaged, or is of another release's format."""


class TrainingSetUnusable(Rejected):
    """The folder does not hold two classes or more with enough readable pictures each."""


class Unauthenticated(Rejected):
    """No API key was given, or one that is unknown, expired or revoked."""


class UnknownApiKey(Rejected):
    """No API key has this id."""


class UnknownCollection(Rejected):
    """No collection has this name."""


class UnknownFeatureSpace(Rejected):
    """No feature space has this name, or several have."""


class UnknownImage(Rejected):
    """No image has this id."""


class UnknownJob(Rejected):
    """No job has this id."""


class UnknownMap(Rejected):
    """A collection has no map, and none was asked for."""


class UnknownWebhook(Rejected):
    """No webhook has this id."""


class WrongFeatureSpace(Rejected):
    """Features of two feature spaces would have been compared."""


class Unavailable(LookalikeError):
    """Time has to act: the same request can succeed, perhaps in `retry_in_s` seconds."""

    def __init__(self, message: str, *, value: object = None, retry_in_s: float = 5) -> None:
        super().__init__(message, value=value)
        self.retry_in_s = retry_in_s


class FetchFailed(Unavailable):
    """The host of an image did not answer, or answered with a server error."""


class StoreUnavailable(Unavailable):
    """Postgres cannot be reached, or closed the connection."""


class QueueUnavailable(Unavailable):
    """Redis cannot be reached."""


class BacklogFull(Unavailable):
    """As many jobs are open as the operator allows; nothing was enqueued.

    `n_room` is how many there would have been room for, and `retry_in_s` when
    there should be room for all, by the rate of the last minute.
    """

    def __init__(
        self, message: str, *, value: object = None, retry_in_s: float = 5, n_room: int = 0
    ) -> None:
        super().__init__(message, value=value, retry_in_s=retry_in_s)
        self.n_room = n_room


class TooManyRequests(Unavailable):
    """One caller asks faster than the settings allow; `retry_in_s` is when it may again."""


class RequestUnderWay(Unavailable):
    """The first request with the same Idempotency-Key is not answered yet."""


class DecoderUnavailable(Unavailable):
    """No process that decodes pictures can be started, or none lives long enough."""


class EncoderExhausted(Unavailable):
    """The encoder ran out of memory, even for one image."""


class WorkerLost(Unavailable):
    """A worker died, or lost its lease, while it held the job."""


class WaitedTooLong(Unavailable):
    """What was waited for did not happen within the time given."""


class Misconfigured(LookalikeError):
    """The operator has to act: the process prints the message and exits."""


class InvalidSetting(Misconfigured):
    """A setting's value cannot be used."""


class WeightsMissing(Misconfigured):
    """The weights of the encoder cannot be had from where the settings say."""


class DiskFull(Misconfigured):
    """A disk has no room left for what has to be written."""


class DownloadFailed(WeightsMissing):
    """The host that should give the weights cannot be reached, or gives something else."""


class RuntimeDisagrees(Misconfigured):
    """A runtime gives other features than the module does, so nothing it computes is written."""


class SchemaOutdated(Misconfigured):
    """The database's schema is older or newer than this release."""


class ServerNotStarted(Misconfigured):
    """An embedded Postgres or Valkey cannot be started on this machine."""
