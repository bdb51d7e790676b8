# Read by the guest's job before its command: makes the guest a host with one RDMA device, rxe0, as in Soft-RoCE.
# $address is 10.99.0.1 where the guest is alone, or that of its network card.
export HOME=/root TMPDIR=/run/tmp LANG=C.UTF-8
hostname guest
ip link set lo up
ulimit -l unlimited
card=eth0
if [ ! -e /sys/class/net/eth0 ]; then
  # Nothing else sends through this pair of interfaces: what rxe0 sends to its own address never leaves it.
  card=veth0
  ip link add veth0 type veth peer name veth1
  ip link set veth1 mtu 9000 up
fi
ip address add "$address/24" dev $card
ip link set $card mtu 9000 up
rdma link add rxe0 type rxe netdev $card || exit 125
# The kernel has changed the most of its code by now: boot.mjs.
for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
  [ ! -e "$cpu" ] || echo 1 >"$cpu" || exit 125
done
