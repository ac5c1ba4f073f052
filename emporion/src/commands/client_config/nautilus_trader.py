# NautilusTrader (its Python adapter of Binance, from 1.231 on), for the venue at @REST@
from nautilus_trader.adapters.binance import BINANCE
from nautilus_trader.adapters.binance import BinanceAccountType
from nautilus_trader.adapters.binance import BinanceDataClientConfig
from nautilus_trader.adapters.binance import BinanceExecClientConfig
from nautilus_trader.adapters.binance import BinanceLiveDataClientFactory
from nautilus_trader.adapters.binance import BinanceLiveExecClientFactory
from nautilus_trader.config import InstrumentProviderConfig
from nautilus_trader.config import TradingNodeConfig
from nautilus_trader.live.node import TradingNode

common = {
    "api_key": "@API_KEY@",
    "api_secret": "@SECRET_KEY@",
    "account_type": BinanceAccountType.SPOT,
    "base_url_http": "@REST@",
    "instrument_provider": InstrumentProviderConfig(load_all=True),
}
config = TradingNodeConfig(
    # Market streams go to one address, private events to the WebSocket API.
    data_clients={BINANCE: BinanceDataClientConfig(**common, base_url_ws="@STREAMS@")},
    exec_clients={BINANCE: BinanceExecClientConfig(**common, base_url_ws="@WS_API@")},
)
node = TradingNode(config=config)
node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
