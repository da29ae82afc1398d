#!/bin/sh
# Prints a file of Prometheus' alert rules as the Prometheus operator wants it:
#
#     examples/kubernetes/alerts.sh RULES.yml | kubectl apply -f -
set -eu
cat <<HEAD
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: $(basename "$1" | sed 's/\.[^.]*$//; s/^/countersign-/' | tr '_.' '--')
  namespace: countersign
spec:
HEAD
sed 's/^/  /' "$1"
