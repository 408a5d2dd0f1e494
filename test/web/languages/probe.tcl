package require http
