"""Reading with the continuous cache alone."""

from __future__ import annotations

from memlab.declare import checked
from memlab.lm.passage import check_causal
from memlab.reading.reader import CacheOptions, House, ModelAlone, Reader, Request, Sources


class CacheReader(Reader):
    """The model alone, with a cache whose size comes from the settings."""

    def sources(self, request: Request, house: House) -> Sources:
        s = checked(self.method.settings, request.settings)
        lm = house.load(request.model or house.default_model("causal"))
        check_causal(lm)
        version = house.weights(lm, request.as_of)
        cache = CacheOptions(s.size, request.cache.theta, s.weight, s.spread)
        return Sources(
            version,
            version,
            "last",
            ModelAlone(),
            house.head(request.as_of),
            settings=s,
            cache=cache,
            gate=request.gate,
        )
