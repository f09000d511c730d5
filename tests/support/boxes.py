"""A machine of its own for a node, in network namespaces: with a world around it, and things of its own to keep.

The world is another namespace. It answers at every address of SITES, at port 80 over TCP with the address that it sees,
at port 8080 with the same over HTTP, and at port 9 over UDP with what it was sent; it has the metadata service of a
cloud, too. The machine listens at its own addresses and at its loopback at port 8099. All of it ends with the standard
input.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

SITES = ("192.0.2.80", "3fff:3::80")
METADATA = "169.254.169.254"
MACHINE = ("203.0.113.2", "3fff:2::2")
PRIVATE = 8099
WEB = 8080

BOX = """
import ctypes, os, socket, sys, threading
from ipaddress import ip_address, ip_interface, ip_network
from understudy_aws.dataplane.linux import routing as rt, syscalls
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
MACHINE, WORLD, SITES = ("203.0.113.2/24", "3fff:2::2/64"), ("203.0.113.1/24", "3fff:2::1/64"), sys.argv[1].split(",")
def tcp(address, port, head=b""):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port)); sock.listen(64)
    def serve():
        while True:
            peer, seen = sock.accept()
            if head: peer.recv(65536)
            peer.sendall(head + (seen[0] + "\\n").encode()); peer.close()
    threading.Thread(target=serve, daemon=True).start()
def udp(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    def serve():
        while True:
            data, peer = sock.recvfrom(2048)
            sock.sendto(data, peer)
    threading.Thread(target=serve, daemon=True).start()
def request(*messages):
    sock = NetlinkSocket(rt.NETLINK_ROUTE)
    sock.request(list(messages)); sock.close()
def index(name):
    sock = NetlinkSocket(rt.NETLINK_ROUTE)
    try: return rt.found_link(sock.ask(rt.get_link(name)).body).index
    finally: sock.close()
def link(name, addresses):
    number = index(name)
    request(rt.configure_link(number, ""), rt.link_up(number), *(rt.address(number, ip_interface(each)) for each in addresses))
    for each in addresses:
        request(rt.route(ip_interface(each).network, rt.MAIN_TABLE, index=number))
def pair_of_pipes():
    read, write = os.pipe()
    return (lambda: os.read(read, 1)), (lambda: os.write(write, b"."))
user, group = os.geteuid(), os.getegid()
if user:
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {user} 1")
    open("/proc/self/gid_map", "w").write(f"0 {group} 1")
syscalls.unshare(syscalls.CLONE_NEWNET)
request(rt.link_up(rt.LOOPBACK))
await_world, world_is_there = pair_of_pipes()
await_link, link_is_there = pair_of_pipes()
await_service, service_is_there = pair_of_pipes()
world = os.fork()
if not world:
    syscalls.unshare(syscalls.CLONE_NEWNET)
    request(rt.link_up(rt.LOOPBACK))
    world_is_there(); await_link()
    link("eth0", WORLD)
    for site in (*SITES, "169.254.169.254"):
        request(rt.address(rt.LOOPBACK, ip_interface(site)))
        tcp(site, 80); tcp(site, 8080, b"HTTP/1.0 200 OK\\r\\n\\r\\n"); udp(site, 9)
    service_is_there()
    sys.stdin.buffer.read(); os._exit(0)
await_world()
peer = os.open(f"/proc/{world}/ns/net", os.O_RDONLY)
request(rt.new_veth("up0", 1500, peer="eth0", peer_namespace=peer, peer_mac=""))
link_is_there()
link("up0", (*MACHINE, "fe80::2/64"))
for everywhere, gateway in (("0.0.0.0/0", "203.0.113.1"), ("::/0", "3fff:2::1"), ("169.254.169.254/32", "203.0.113.1")):
    request(rt.route(ip_network(everywhere), rt.MAIN_TABLE, index=index("up0"), gateway=ip_address(gateway)))
await_service()
own = os.fork()
if not own:
    for address in ("127.0.0.1", "::1", *(each.partition("/")[0] for each in MACHINE)):
        tcp(address, 8099)
    service_is_there()
    sys.stdin.buffer.read(); os._exit(0)
await_service()
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def in_a_box(words: list[str]) -> list[str]:
    """A Python's arguments, as they are to run in a machine of its own."""
    return ["-c", BOX, ",".join(SITES), *words]


def missing_for(carrier: str, user: int | None) -> str:
    """Why a carrier can't run here; empty when it can."""
    if not shutil.which(carrier):
        return f"{carrier} is not installed"
    device = Path("/dev/net/tun")
    if not device.exists():
        return "this machine has no /dev/net/tun"
    if (user if user is not None else os.geteuid()) and not device.stat().st_mode & stat.S_IWOTH:
        return "/dev/net/tun is root's alone on this machine"
    return ""
