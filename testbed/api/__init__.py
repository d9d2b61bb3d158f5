"""The northbound API of an emulated network: CAMARA Quality-on-Demand, QoS Profiles and QoS Provisioning."""
