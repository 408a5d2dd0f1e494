#!/usr/bin/tclsh
# Sends <count> jobs and does them, with the http package that comes with Tcl: worker.tcl <host> <port> <channel> <count>
package require http
lassign $argv host port channel count
set url http://$host:$port

proc request {expected path args} {
    set token [http::geturl $::url$path -timeout 20000 {*}$args]
    if {[http::ncode $token] ne $expected} { error "$path: [http::code $token] [http::data $token]" }
    set answer [list [http::data $token] [http::meta $token]]
    http::cleanup $token
    return $answer
}

for {set i 0} {$i < $count} {incr i} {
    request 201 /v1/queues/$channel -method PUT -type text/plain -query "job $i"
}
for {set i 0} {$i < $count} {incr i} {
    lassign [request 200 /v1/queues/$channel?wait=10s] job headers
    puts $job
    request 204 /v1/leases/[dict get $headers dropr-lease]/0/ack -method POST -type text/plain -query {}
}
