#!/usr/bin/perl
# Sends <count> jobs and does them, over one connection, with what every Perl has: worker.pl <host> <port> <channel> <count>
use strict;
use warnings;
use IO::Socket::INET;

my ($host, $port, $channel, $count) = @ARGV;
my $server = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or die "no connection: $@\n";
binmode $server;

sub request {
    my ($method, $path, $sent) = @_;
    $sent = '' unless defined $sent;
    print $server join "\r\n", "$method $path HTTP/1.1", "host: $host:$port", 'content-type: text/plain',
        'content-length: ' . length $sent, '', $sent;
    $server->flush;
    my ($status) = (<$server> // die "no answer\n") =~ m{^HTTP/1\.1 (\d+)};
    my %headers;
    while (defined(my $line = <$server>)) {
        $line =~ s/\r\n$//;
        last if $line eq '';
        my ($name, $value) = split /: */, $line, 2;
        $headers{lc $name} = $value;
    }
    my $body = '';
    my $length = $headers{'content-length'} // 0;
    while (length $body < $length) {
        read($server, $body, $length - length $body, length $body) or die "cut off\n";
    }
    return ($status, $body, \%headers);
}

for my $i (0 .. $count - 1) {
    my ($status, $said) = request('PUT', "/v1/queues/$channel", "job $i");
    die "not taken: $status $said\n" if $status != 201;
}
for (1 .. $count) {
    my ($status, $job, $headers) = request('GET', "/v1/queues/$channel?wait=10s");
    die "nothing came: $status $job\n" if $status != 200;
    print "$job\n";
    ($status, my $said) = request('POST', "/v1/leases/$headers->{'dropr-lease'}/0/ack");
    die "not settled: $status $said\n" if $status != 204;
}
