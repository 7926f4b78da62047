"""A real Kubernetes control plane on loopback: etcd, API server, controllers, scheduler, and nodes that run nothing."""
