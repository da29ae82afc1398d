//! A load balancer in front of several nodes: each connection goes to the next one that is ready, and on to another where a connection
//! is refused. It knows nothing of HTTP but `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

struct Node {
    port: u16,
    ready: AtomicBool,
}

/// The balancer. It ends with this value.
pub struct Balancer {
    pub port: u16,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Balancer {
    /// In front of these ports, which all count as ready.
    pub fn over(listener: TcpListener, ports: &[u16]) -> Self {
        let port = listener.local_addr().unwrap().port();
        let nodes = ports.iter().map(|port| Node { port: *port, ready: AtomicBool::new(true) });
        let nodes: Arc<Vec<Node>> = Arc::new(nodes.collect());
        let tasks = vec![tokio::spawn(listen(listener, nodes))];
        Self { port, tasks }
    }

    /// The same, and asks each node all the time whether it is ready.
    pub fn watching(listener: TcpListener, ports: &[u16]) -> Self {
        let port = listener.local_addr().unwrap().port();
        let nodes = ports.iter().map(|port| Node { port: *port, ready: AtomicBool::new(false) });
        let nodes: Arc<Vec<Node>> = Arc::new(nodes.collect());
        let mut tasks = vec![tokio::spawn(listen(listener, Arc::clone(&nodes)))];
        for place in 0..ports.len() {
            tasks.push(tokio::spawn(watch(Arc::clone(&nodes), place)));
        }
        Self { port, tasks }
    }
}

async fn watch(nodes: Arc<Vec<Node>>, place: usize) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).pool_max_idle_per_host(0).build().unwrap();
    let url = format!("http://127.0.0.1:{}/readyz", nodes[place].port);
    loop {
        let ready = http.get(&url).send().await.is_ok_and(|answer| answer.status() == 200);
        nodes[place].ready.store(ready, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn listen(listener: TcpListener, nodes: Arc<Vec<Node>>) {
    let next = Arc::new(AtomicUsize::new(0));
    while let Ok((mut client, _)) = listener.accept().await {
        let (nodes, next) = (Arc::clone(&nodes), Arc::clone(&next));
        tokio::spawn(async move {
            // Where no node can be reached, the caller is.
            let Some(mut node) = reach(&nodes, &next).await else { return };
            client.set_nodelay(true).unwrap();
            node.set_nodelay(true).unwrap();
            let ((mut from_client, mut to_client), (mut from_node, mut to_node)) = (client.split(), node.split());
            // A node that wants no more of a request may have answered it all the same, and its caller hears that.
            let up = async {
                if tokio::io::copy(&mut from_client, &mut to_node).await.is_err() {
                    drop(tokio::io::copy(&mut from_client, &mut tokio::io::sink()).await);
                }
                drop(to_node.shutdown().await);
            };
            let down = async {
                drop(tokio::io::copy(&mut from_node, &mut to_client).await);
                drop(to_client.shutdown().await);
            };
            tokio::join!(up, down);
        });
    }
}

async fn reach(nodes: &[Node], next: &AtomicUsize) -> Option<TcpStream> {
    for _ in 0..100 {
        for _ in 0..nodes.len() {
            let node = &nodes[next.fetch_add(1, Ordering::SeqCst) % nodes.len()];
            if node.ready.load(Ordering::SeqCst)
                && let Ok(stream) = TcpStream::connect(("127.0.0.1", node.port)).await
            {
                return Some(stream);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}
