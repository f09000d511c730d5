"""Networks made of Linux namespaces, links, routes and nftables, with nothing but the kernel and without root."""
