# python-binance (tried with 1.0.37), for the venue at @REST@
import binance


class Client(binance.Client):
    API_URL = "@REST@/api"
    MARGIN_API_URL = "@REST@/sapi"
    WS_API_URL = "@WS_API@"


class AsyncClient(binance.AsyncClient):
    API_URL = "@REST@/api"
    MARGIN_API_URL = "@REST@/sapi"
    WS_API_URL = "@WS_API@"


class BinanceSocketManager(binance.BinanceSocketManager):
    STREAM_URL = "@STREAMS@/"


API_KEY, SECRET_KEY = "@API_KEY@", "@SECRET_KEY@"

client = Client(API_KEY, SECRET_KEY)
# In asynchronous code:
#   client = await AsyncClient.create(API_KEY, SECRET_KEY)
#   sockets = BinanceSocketManager(client)
