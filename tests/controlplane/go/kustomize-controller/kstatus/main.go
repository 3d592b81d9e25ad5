// Reads a JSON array of Kubernetes objects and writes, for each, what kstatus calls it: the judgement of the library that
// kustomize-controller waits with.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	var documents []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&documents); err != nil {
		fail(err)
	}
	judged := make([]*status.Result, 0, len(documents))
	for _, document := range documents {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(document); err != nil {
			fail(err)
		}
		result, err := status.Compute(object)
		if err != nil {
			fail(err)
		}
		judged = append(judged, result)
	}
	if err := json.NewEncoder(os.Stdout).Encode(judged); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
