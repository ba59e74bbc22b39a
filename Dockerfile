# The operator's image holds one static binary: CGO_ENABLED=0 go build -o bin/operator ./cmd/operator
FROM scratch
COPY bin/operator /operator
USER 65532:65532
ENTRYPOINT ["/operator"]
