#!/bin/bash
# Sends `count` jobs and does them, with nothing but bash: a request is a line and headers, an answer the same.
# worker.bash <host> <port> <channel> <count>
set -eu
host=$1 port=$2 channel=$3 count=$4
LC_ALL=C

# request <method> <path> [body]: fills $status, $lease and $body.
request() {
  local sent=${3-} line length=0
  lease= body=
  exec 3<>"/dev/tcp/$host/$port"
  printf '%s %s HTTP/1.1\r\nhost: %s:%s\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s' \
    "$1" "$2" "$host" "$port" "${#sent}" "$sent" >&3
  read -r _ status _ <&3
  while IFS= read -r line <&3 && line=${line%$'\r'} && [ -n "$line" ]; do
    case ${line,,} in
      'content-length: '*) length=${line#*: } ;;
      'dropr-lease: '*) lease=${line#*: } ;;
    esac
  done
  if [ "$length" -gt 0 ]; then IFS= read -r -d '' -N "$length" body <&3; fi
  exec 3<&- 3>&-
}

for ((i = 0; i < count; i++)); do
  request PUT "/v1/queues/$channel" "job $i"
  [ "$status" = 201 ]
done
for ((done = 0; done < count; done++)); do
  request GET "/v1/queues/$channel?wait=10s"
  [ "$status" = 200 ]
  printf '%s\n' "$body"
  request POST "/v1/leases/$lease/0/ack"
  [ "$status" = 204 ]
done
