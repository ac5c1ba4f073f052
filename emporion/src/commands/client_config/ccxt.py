# CCXT (tried with 4.5.90), for the venue at @REST@
import re

import ccxt

exchange = ccxt.binance({
    "apiKey": "@API_KEY@",
    "secret": "@SECRET_KEY@",
    "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "fetchCurrencies": False},
})
# Every address of the client, so that no call can reach another venue.
exchange.urls["api"] = {
    name: re.sub("^https://[^/]+", "@REST@", root) for name, root in exchange.urls["api"].items()
}
# CCXT looks up Spot's own errors only under https://api.HOSTNAME/.
exchange.exceptions["exact"].update(exchange.exceptions["spot"]["exact"])
