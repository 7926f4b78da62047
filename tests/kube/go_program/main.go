// A stack in Go: an engine, a cache and the gateway before it.
package main

import (
	"example.com/pulumi-moorage/sdk/go/moorage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		namespace := pulumi.String("quay")
		maxModelLen, effect := 8192, "NoSchedule"
		engine, err := moorage.NewVllmDeployment(ctx, "engine", &moorage.VllmDeploymentArgs{
			Namespace: namespace,
			Image:     "vllm/vllm-openai@" + digest,
			Model:     moorage.ModelArgs{Source: "hf://harbour/harbour-8b@v1", MaxModelLen: &maxModelLen},
			Revision:  "v1",
			Placement: moorage.PlacementArgs{
				NodeSelector: map[string]string{"moorage.dev/gpu-pool": "l4"},
				Tolerations: []moorage.TolerationInput{
					moorage.TolerationArgs{Key: "nvidia.com/gpu", Operator: "Exists", Effect: &effect},
				},
				PoolKind: "elastic",
			},
		})
		if err != nil {
			return err
		}
		cache, err := moorage.NewKubernetesValkey(ctx, "cache", &moorage.KubernetesValkeyArgs{
			Namespace: namespace,
			Image:     "valkey/valkey@" + digest,
		})
		if err != nil {
			return err
		}
		gateway, err := moorage.NewKubernetesGateway(ctx, "gateway", &moorage.KubernetesGatewayArgs{
			Namespace:          namespace,
			Image:              "registry.example.com/moorage-serving@" + digest,
			Authentication:     "api_keys",
			Upstreams:          []moorage.UpstreamInput{engine.Upstream},
			RedisUrl:           cache.Url,
			RedisCaCertificate: cache.CaCertificate,
		})
		if err != nil {
			return err
		}
		ctx.Export("endpointUrl", gateway.EndpointUrl)
		ctx.Export("apiKey", gateway.ApiKey)
		return nil
	})
}
