//! Each suite on a single server and on a cluster.

macro_rules! suites {
    ($module:ident, $server:ident) => {
        mod $module {
            use crate::tests::journal::Rows;
            use crate::tests::{connect, feed, soon};
            use crate::{RedisCounts, RedisFeedOptions, RedisPrices, RedisSignals};
            use emporion_cluster::parts;
            use emporion_ports::counts::RequestCounts;
            use emporion_ports::feed::Feed;
            use emporion_ports::prices::PriceCache;
            use emporion_ports::signals::Signals;
            use std::sync::{Arc, OnceLock};

            /// The server lives until the process ends, which is right after the one test in it.
            fn address() -> &'static str {
                static SERVER: OnceLock<parts::$server> = OnceLock::new();
                SERVER.get_or_init(|| parts::$server::get().unwrap()).address()
            }

            mod feeds {
                use super::*;

                async fn open(batches_max: usize) -> Arc<dyn Feed> {
                    let options = RedisFeedOptions { ring: batches_max, ..RedisFeedOptions::default() };
                    feed(&connect(address()).await, Arc::new(Rows::default()), options).await
                }

                emporion_ports::feed_contract!(open);
            }

            mod prices {
                use super::*;

                async fn open() -> Arc<dyn PriceCache> {
                    Arc::new(RedisPrices::new(connect(address()).await))
                }

                emporion_ports::prices_contract!(open);
            }

            mod signals {
                use super::*;

                async fn open() -> Arc<dyn Signals> {
                    let signals = RedisSignals::new(connect(address()).await);
                    drop(signals.listen());
                    soon(signals.wait_until_listening()).await;
                    Arc::new(signals)
                }

                emporion_ports::signals_contract!(open);
            }

            mod counts {
                use super::*;

                async fn open() -> Arc<dyn RequestCounts> {
                    Arc::new(RedisCounts::new(connect(address()).await))
                }

                emporion_ports::counts_contract!(open);
            }
        }
    };
}

suites!(single, Redis);
suites!(cluster, RedisCluster);
