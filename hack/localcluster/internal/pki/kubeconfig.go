package pki

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// ContextName is the context of every kubeconfig written here. Commands that
// change clusters check for it, so that they never touch somebody's real one.
const ContextName = "ilp-local"

// WriteKubeconfig writes a kubeconfig that needs no other file.
func WriteKubeconfig(path, server, caPath string, client Pair) error {
	ca, err := os.ReadFile(caPath)
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(client.Cert)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(client.Key)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[ContextName] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[ContextName] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[ContextName] = &clientcmdapi.Context{Cluster: ContextName, AuthInfo: ContextName}
	config.CurrentContext = ContextName
	return clientcmd.WriteToFile(*config, path)
}
