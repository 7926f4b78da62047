module moorage/gateway-load

go 1.26
