module moorage/kubernetes-crds

go 1.26

require (
	github.com/aws/karpenter-provider-aws v1.14.0 // indirect
	github.com/external-secrets/external-secrets v1.3.2 // indirect
	github.com/kedacore/keda/v2 v2.21.0 // indirect
	github.com/prometheus-operator/prometheus-operator v0.85.0 // indirect
	sigs.k8s.io/gateway-api v1.4.0 // indirect
	sigs.k8s.io/karpenter v1.14.0 // indirect
)
